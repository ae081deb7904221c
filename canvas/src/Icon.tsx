import { useAround } from "./context";

/** A drawing of the product's own sheet of icons. */
export function Icon({ name, small }: { name: string; small?: boolean }) {
  return <Drawing sheet={useAround().icons} name={name} small={small} />;
}

export function Drawing({ sheet, name, small }: { sheet: string; name: string; small?: boolean }) {
  return (
    <svg className={small ? "icon icon--small" : "icon"} aria-hidden="true">
      <use href={`${sheet}#${name}`} />
    </svg>
  );
}
