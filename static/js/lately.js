/* What others do to a draft that is open here. `#draft-lately` is kept up to date as other live parts are; when it comes anew,
 * it fires
 *
 *   draft:elsewhere  {revision, changes: [{revision, by, sentence}]}   newest first; the draft is at `revision` now
 *
 * and whoever holds the draft fetches it where its own revision is older: a change of one's own may come back this way before its
 * answer does. It listens to `draft:changed` {revision}, which says that this page is at `revision` by what was done on it.
 */

document.addEventListener("draft:changed", (event) => {
  const part = document.getElementById("draft-lately");
  if (!part || Number(event.detail.revision) <= Number(part.dataset.liveRevision)) return;
  const address = new URL(part.dataset.liveHref, location.href);
  address.searchParams.set("since", event.detail.revision);
  part.dataset.liveHref = address.pathname + address.search;
  part.dataset.liveRevision = event.detail.revision;
  part.replaceChildren();
});

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.id !== "draft-lately") return;
  const changes = [...elt.querySelectorAll("[data-revision]")].map(({ dataset }) => ({ revision: Number(dataset.revision), by: dataset.by, sentence: dataset.sentence }));
  if (changes.length) elt.dispatchEvent(new CustomEvent("draft:elsewhere", { bubbles: true, detail: { revision: Number(elt.dataset.liveRevision), changes } }));
});
