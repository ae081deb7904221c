/** A sentence with what stands in `backticks` as code, as dashboard/templatetags/look.py shows it. */
export function Coded({ text }: { text: string }) {
  return text.split(/(?<!`)`([^`\n]+)`(?!`)/).map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}
