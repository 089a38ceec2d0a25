/** The element of that name, which index.html has. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element "${id}"`);
  return found as T;
}

/** Puts children in place of what was in an element; returns the element. */
export function fill<T extends HTMLElement>(parent: T, ...children: (Node | string)[]): T {
  parent.replaceChildren(...children);
  return parent;
}

/** Puts sentences into a list. */
export function listItems(id: string, lines: readonly string[]): void {
  fill(element(id), ...lines.map((line) => fill(document.createElement("li"), line)));
}
