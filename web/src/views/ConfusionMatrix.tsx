import { count, number } from "../format/number";
import type { Confusion } from "./confusion";

const LEVELS = 8;

/** Rows are the truth, columns what was predicted; the colour is the share of the row. */
export function ConfusionMatrix({ labels, matrix }: Confusion) {
  const sums = matrix.map((row) => row.reduce((sum, value) => sum + value, 0));
  const total = sums.reduce((sum, value) => sum + value, 0);
  const right = matrix.reduce((sum, row, index) => sum + row[index]!, 0);
  return (
    <div className="scroll-x pad">
      <table className="confusion">
        <caption>
          <span>
            {total ? `${number((100 * right) / total, 4)} % of ${count(total)} on the diagonal; ` : ""}rows:
            truth, columns: predicted
          </span>
        </caption>
        <thead>
          <tr>
            <td />
            {labels.map((label) => (
              <th key={label} scope="col" title={label}>
                {label}
              </th>
            ))}
            <th scope="col" className="recall">
              recall
            </th>
          </tr>
        </thead>
        <tbody>
          {matrix.map((row, at) => (
            <tr key={labels[at]}>
              <th scope="row" title={labels[at]}>
                {labels[at]}
              </th>
              {row.map((value, column) => {
                const share = sums[at] ? value / sums[at] : 0;
                const level = value > 0 ? Math.max(1, Math.round(Math.sqrt(share) * LEVELS)) : 0;
                return (
                  <td
                    key={column}
                    className={`level-${level} ${at === column ? "right" : ""}`}
                    title={`${labels[at]} taken for ${labels[column]}: ${value} (${number(100 * share, 3)} %)`}
                  >
                    {value ? count(value) : "·"}
                  </td>
                );
              })}
              <td className="recall">{sums[at] ? `${number((100 * row[at]!) / sums[at], 3)} %` : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
