// Views that come in files of their own, and are sent for before they are drawn.
import { lazy, useContext, useState, type ComponentType } from "react";
import { Tries } from "../parts/tries";

type Route<Props> = ComponentType<Props> & { load: () => Promise<unknown> };

export const RunPage = route(() => import("./RunPage").then((module) => module.RunPage));
export const Runs = route(() => import("./Runs").then((module) => module.Runs));
export const RunsTable = route(() => import("./RunsTable").then((module) => module.RunsTable));
export const TrashView = route(() => import("./TrashView").then((module) => module.TrashView));
export const Charts = route(() => import("./Charts").then((module) => module.Charts));
export const Plot = route(() => import("../charts/Plot").then((module) => module.Plot));

/**
 * Drawn at once where its code is here: `lazy` alone would show what stands in for it for a third of a second. Code that
 * could not be fetched is sent for again when the view is next drawn: `lazy` alone would keep the failure for good.
 */
export function route<Props extends object>(load: () => Promise<ComponentType<Props>>): Route<Props> {
  let here: ComponentType<Props> | null = null;
  const fetched = async () => {
    try {
      here = await load();
    } catch (error) {
      failed = true;
      console.info("the code of a view could not be fetched", error);
      throw new Error("Its code could not be fetched from the service.", { cause: error });
    }
    return { default: here };
  };
  const lazily = () => lazy(fetched) as unknown as ComponentType<Props>;
  let later = lazily();
  let failed = false;
  let drawn = 0;
  const anew = (tried: number) => {
    // React draws once more right after the failure: that must meet it, not send for the code again.
    if (failed && tried !== drawn) {
      later = lazily();
      failed = false;
    }
    drawn = tried;
    return later;
  };
  function Drawn(props: Props) {
    const tried = useContext(Tries);
    const [View] = useState<ComponentType<Props>>(() => here ?? anew(tried));
    return <View {...props} />;
  }
  return Object.assign(Drawn, { load: fetched });
}
