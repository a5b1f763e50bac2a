import { Copy } from "./Copy";

/** The lines that record a first run. */
export function Start({ project }: { project: string }) {
  const code = `import stepwell

with stepwell.init(project=${JSON.stringify(project)}) as run:
    for step in range(1000):
        run.log({"loss": 1 / (step + 1)})
`;
  return (
    <div className="start">
      <pre>
        <code>{code}</code>
      </pre>
      <Copy text={code} label="Copy these lines">
        copy
      </Copy>
    </div>
  );
}
