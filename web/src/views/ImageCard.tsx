import type { Artifact } from "../api/types";
import { number, plural } from "../format/number";
import type { Picture } from "./pictures";

/** Smaller ones are shown larger, pixel by pixel. */
const SMALL_PX = 128;
const SHOWN_PX = 160;

/** The images of one name at one step. */
export function ImageCard({
  name,
  shown,
  pictures,
}: {
  name: string;
  shown: Artifact[];
  pictures: Picture[];
}) {
  return (
    <figure className="card image-card" aria-label={name}>
      <figcaption className="card-head">
        <span className="card-title" title={name}>
          {name}
        </span>
        <span className="card-meta">
          <b>step {number(shown[0]!.step)}</b>
          {pictures.length > 1 && <span>{plural(pictures.length, "image")}</span>}
        </span>
      </figcaption>
      <div className="images">
        {pictures.map((picture) => (
          <Shown key={picture.key} name={name} picture={picture} />
        ))}
      </div>
    </figure>
  );
}

function Shown({ name, picture }: { name: string; picture: Picture }) {
  const { width, height, caption, rank, address } = picture;
  const small = Math.max(width, height) < SMALL_PX;
  const scale = small ? Math.max(1, Math.floor(SHOWN_PX / Math.max(width, height))) : 1;
  const told = [caption, rank > 0 ? `rank ${rank}` : ""].filter(Boolean).join(" · ");
  return (
    <div className="image">
      {address ? (
        <a href={address} target="_blank" rel="noreferrer" title={`${width} x ${height}`}>
          <img
            src={address}
            alt={told || name}
            loading="lazy"
            className={small ? "pixelated" : undefined}
            width={width * scale}
            height={height * scale}
          />
        </a>
      ) : (
        <span className="dim">not uploaded yet</span>
      )}
      {told && <p>{told}</p>}
    </div>
  );
}
