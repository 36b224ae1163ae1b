/** Drawn on 24 by 24, in lines. */
const PATHS = {
  add: "M12 5v14M5 12h14",
  back: "M19 12H5m6-7-7 7 7 7",
  check: "m5 13 4.5 4.5L19 7",
  close: "m6.5 6.5 11 11m0-11-11 11",
  download: "M12 4v11m-5-4.5 5 5 5-5M5 20h14",
  folder: "M3.5 7.5a2 2 0 0 1 2-2h4l2 2.5h7a2 2 0 0 1 2 2v6.5a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2z",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.7 1.7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.7-1.7",
  offline: "M12 3.5v9m-4-3.5 4 4 4-4M4 14.5v3a3 3 0 0 0 3 3h10a3 3 0 0 0 3-3v-3",
  pause: "M9 5v14M15 5v14",
  pencil: "m4 20 1-4L16.5 4.5l3 3L8 19zM14 7l3 3",
  remove: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 11v5M13.5 11v5",
  resume: "M8 5.5v13l10.5-6.5z",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture that says nothing to a screen reader: the words are beside it. */
export function icon(name: IconName): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  for (const [key, value] of [
    ["viewBox", "0 0 24 24"],
    ["class", "icon"],
    ["aria-hidden", "true"],
    ["focusable", "false"],
  ] as const) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
