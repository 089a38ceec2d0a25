/** CSS of the element's content. Colours and font are inherited from the page. */
export const STYLES = `
:host { display: inline-block; vertical-align: top; width: 480px; max-width: 100%; font-size: 14px; line-height: 1.4; }
:host([hidden]) { display: none; }
.tools, .sheets { display: flex; gap: 8px; }
.sheets { margin-top: 8px; gap: 12px; }
figure { flex: 1; min-width: 0; margin: 0; }
figcaption { margin-top: 4px; }
canvas { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; image-rendering: pixelated; box-shadow: 0 0 0 1px color-mix(in srgb, currentColor 30%, transparent); }
#given { cursor: crosshair; touch-action: none; }
button { font: inherit; color: inherit; padding: 4px 12px; border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 6px; background: none; cursor: pointer; }
button[aria-pressed="true"] { border-color: currentColor; background: color-mix(in srgb, currentColor 12%, transparent); }
button:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.given { position: relative; display: block; }
.cursor { display: none; position: absolute; transform: translate(-50%, -50%); border: 2px solid #5b8dd9; border-radius: 50%; pointer-events: none; }
#given:focus-visible + .cursor { display: block; }
#state { min-height: 1.4em; margin: 8px 0 0; }
#state.failed { padding: 8px 12px; border-radius: 6px; background: color-mix(in srgb, #d64545 18%, transparent); overflow-wrap: anywhere; }
`;
