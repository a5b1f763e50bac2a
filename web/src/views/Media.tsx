import "../styles/details.css";
import "../styles/media.css";
import { useMemo } from "react";
import type { Artifact, RunRow } from "../api/types";
import { Failed, Loading, Note } from "../parts/Note";
import { StepSlider, union } from "../parts/StepSlider";
import { ImageCard } from "./ImageCard";
import { pictures } from "./pictures";
import { TableCard } from "./TableCard";
import { useMedia } from "./useMedia";
import { useStep } from "./useStep";

/** What a run logged as images and tables, all at one step. */
export function Media({ project, run }: { project: string; run: RunRow }) {
  const images = useMedia(project, run, "image");
  const tables = useMedia(project, run, "table");
  const [step, onStep] = useStep();
  const byName = useMemo(() => grouped(images.data?.media ?? []), [images.data?.media]);
  const tablesByName = useMemo(() => grouped(tables.data?.media ?? []), [tables.data?.media]);
  const steps = useMemo(
    () => union([...byName, ...tablesByName].map(([, those]) => those.map((one) => one.step))),
    [byName, tablesByName],
  );
  const failed = images.error ?? tables.error;
  if (!images.data || !tables.data) {
    return failed ? (
      <Failed error={failed} retry={() => void Promise.all([images.refetch(), tables.refetch()])} />
    ) : (
      <Loading what="Loading images and tables" />
    );
  }
  if (!steps.length) {
    return (
      <Note title="No images or tables.">
        <code>{'run.log({"samples": stepwell.Image(pixels)})'}</code> and{" "}
        <code>{"stepwell.Table(columns, rows)"}</code> keep them with the step that they belong to.
      </Note>
    );
  }
  return (
    <div className="texts">
      {steps.length > 1 && (
        <div className="toolbar sticky">
          <StepSlider steps={steps} step={step} onStep={onStep} />
        </div>
      )}
      <div className="media">
        {byName.map(([name, those]) => (
          <ImageCard key={name} name={name} shown={at(those, step)} pictures={pictures(at(those, step))} />
        ))}
        {tablesByName.map(([name, those]) => (
          <TableCard key={name} name={name} project={project} run={run.id} shown={at(those, step)} />
        ))}
      </div>
    </div>
  );
}

/** By name, in the order of the answer, which is by step and rank below that. */
function grouped(found: Artifact[]): [string, Artifact[]][] {
  const by = new Map<string, Artifact[]>();
  for (const one of found) {
    const those = by.get(one.name);
    if (those) those.push(one);
    else by.set(one.name, [one]);
  }
  return [...by];
}

/** All ranks' at the last step that is not after this one; before the first there is, that. */
function at(those: Artifact[], step: number | null): Artifact[] {
  let best = those[0]!.step;
  for (const one of those) if (step === null || one.step <= step) best = one.step;
  return those.filter((one) => one.step === best);
}
