// Look again every few seconds while somebody sees the page; back off while the server is away.

const LONGEST = 30_000;

/**
 * Call `look` now and then until the signal is aborted.
 * @param {Function} look - asynchronous; what it throws goes to `failed`.
 * @param {number} milliseconds - between two looks.
 */
export function poll(look, milliseconds, signal, failed) {
  let pause = milliseconds;
  let timer = null;
  const again = async () => {
    timer = null;
    if (signal.aborted) return;
    if (!document.hidden) {
      try {
        await look();
        pause = milliseconds;
      } catch (error) {
        if (signal.aborted) return;
        failed(error);
        pause = Math.min(LONGEST, pause * 2);
      }
    }
    timer = setTimeout(again, pause);
  };
  const seen = () => {
    if (!document.hidden && timer !== null) {
      clearTimeout(timer);
      again();
    }
  };
  timer = setTimeout(again, milliseconds);
  document.addEventListener("visibilitychange", seen, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
}
