import { Component, type ReactNode } from "react";
import { useLostSince } from "../api/health";
import { Failed } from "./Note";

interface Props {
  /** Which view it is: another one is tried anew. */
  at: string;
  children: ReactNode;
}

/** A view that cannot be drawn, or whose code cannot be fetched, says so in its place; the rest of the page stays. */
export function Fallible(props: Props) {
  return <Boundary {...props} lost={useLostSince() !== null} />;
}

class Boundary extends Component<Props & { lost: boolean }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: Props & { lost: boolean }): void {
    if (this.state.error === null) return;
    if (before.at !== this.props.at || (before.lost && !this.props.lost)) this.setState({ error: null });
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error === null ? (
      this.props.children
    ) : (
      <Failed error={error} retry={() => this.setState({ error: null })} />
    );
  }
}
