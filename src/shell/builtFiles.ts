/** Stands for what the build puts here: the app's files, as paths under its root, and what tells one build from another. */
export const files: readonly string[] = [];
export const version = "";
