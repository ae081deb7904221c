import type { Notice } from "./useDraft";
import { Coded } from "./Coded";
import { Icon } from "./Icon";

/** What somebody should know of the last edit: it was refused, overtaken, or needs a look. */
export function Notices({ notice, close }: { notice: Notice | null; close: () => void }) {
  if (!notice) return null;
  return (
    <div className={`cv-notice note note--${notice.tone}`} role="alert">
      <Icon name={notice.tone === "bad" ? "error" : notice.tone === "person" ? "warning" : "info"} />
      <div>
        <p><Coded text={notice.message} /></p>
        {notice.lines.length > 0 && <ul>{notice.lines.slice(0, 12).map((line, at) => <li key={at}><Coded text={line} /></li>)}{notice.lines.length > 12 && <li>and {notice.lines.length - 12} more</li>}</ul>}
        <div className="row">
          {notice.again && <button type="button" className="button button--small" onClick={() => { close(); notice.again?.(); }}>{notice.tone === "bad" ? "Try again" : "Do it again on top"}</button>}
          <button type="button" className="button button--small button--plain" onClick={close}>{notice.again ? "Leave it" : "Close"}</button>
        </div>
      </div>
    </div>
  );
}
