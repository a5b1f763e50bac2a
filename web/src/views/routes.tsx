// Views that come in files of their own, and are sent for before they are drawn.
import { lazy, useState, type ComponentType } from "react";

type Route<Props> = ComponentType<Props> & { load: () => Promise<unknown> };

export const RunPage = route(() => import("./RunPage").then((module) => module.RunPage));
export const Runs = route(() => import("./Runs").then((module) => module.Runs));
export const RunsTable = route(() => import("./RunsTable").then((module) => module.RunsTable));
export const Charts = route(() => import("./Charts").then((module) => module.Charts));
export const Plot = route(() => import("../charts/Plot").then((module) => module.Plot));

/** Drawn at once where its code is here: `lazy` alone would show what stands in for it for a third of a second. */
function route<Props extends object>(load: () => Promise<ComponentType<Props>>): Route<Props> {
  let here: ComponentType<Props> | null = null;
  const fetched = async () => {
    here = await load();
    return { default: here };
  };
  const Later = lazy(fetched) as unknown as ComponentType<Props>;
  function Drawn(props: Props) {
    const [View] = useState<ComponentType<Props>>(() => here ?? Later);
    return <View {...props} />;
  }
  return Object.assign(Drawn, { load: fetched });
}
