/** May packages be installed? Not in `npm test -- --no-setup`, which uses what is there. */
export function mayInstall() {
  return process.env.GRIDFETCH_NO_SETUP === undefined;
}
