// Content of the element <latent-flow>, made without innerHTML, which pages that require trusted types refuse.

const GIVEN_LABEL =
  "Picture that is given. Arrow keys move the brush, the space bar paints, Shift with an arrow key paints a line.";

/** Makes the content of the element's shadow root. */
export function makeContent(): DocumentFragment {
  const content = document.createDocumentFragment();
  content.append(
    make("div", { class: "tools", role: "toolbar", "aria-label": "Brush" }, [
      make("button", { type: "button", id: "draw", "aria-pressed": "false" }, ["Draw"]),
      make("button", { type: "button", id: "hide", "aria-pressed": "false" }, ["Hide"]),
      make("button", { type: "button", id: "reset" }, ["Reset"]),
    ]),
    make("div", { class: "sheets" }, [
      make("figure", {}, [
        make("span", { class: "given" }, [
          make("canvas", { id: "given", role: "application", tabindex: "0", "aria-label": GIVEN_LABEL }),
          make("span", { class: "cursor" }),
        ]),
        make("figcaption", {}, ["Given"]),
      ]),
      make("figure", {}, [
        make("canvas", { id: "completed", role: "img", "aria-label": "Picture completed by the decoder" }),
        make("figcaption", {}, ["Completed"]),
      ]),
    ]),
    make("p", { id: "state", role: "status" }),
  );
  return content;
}

function make(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  children: readonly (Node | string)[] = [],
): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
