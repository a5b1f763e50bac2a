import { Component, type ReactNode } from "react";
import { useLostSince } from "../api/health";
import { Failed } from "./Note";
import { nextTry, Tries } from "./tries";

interface Props {
  /** Which view it is: another one is tried anew. */
  at: string;
  children: ReactNode;
}

/** A view that cannot be drawn, or whose code cannot be fetched, says so in its place; the rest of the page stays. */
export function Fallible(props: Props) {
  return <Boundary {...props} lost={useLostSince() !== null} />;
}

class Boundary extends Component<Props & { lost: boolean }, { error: unknown; tried: number }> {
  override state = { error: null as unknown, tried: nextTry() };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: Props & { lost: boolean }): void {
    if (this.state.error === null) return;
    if (before.at !== this.props.at || (before.lost && !this.props.lost)) this.again();
  }

  again(): void {
    this.setState({ error: null, tried: nextTry() });
  }

  override render(): ReactNode {
    const { error, tried } = this.state;
    return error === null ? (
      <Tries value={tried}>{this.props.children}</Tries>
    ) : (
      <Failed error={error} retry={() => this.again()} />
    );
  }
}
