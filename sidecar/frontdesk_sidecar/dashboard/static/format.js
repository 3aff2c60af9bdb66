// Numbers and times as people read them; as in `frontdesk status`.

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(number ?? 0);

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === 0) return "0 s";
  if (seconds < 0.0095) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(1)} s`;
  const round = Math.round(seconds);
  if (round < 120) return `${round} s`;
  const minutes = Math.floor(round / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

export function size(bytes) {
  let number = bytes ?? 0;
  for (const unit of ["B", "KiB", "MiB", "GiB", "TiB"]) {
    if (number < 1024 || unit === "TiB") {
      return `${unit === "B" || number >= 10 ? Math.round(number) : number.toFixed(1)} ${unit}`;
    }
    number /= 1024;
  }
  return "";
}

/** What came in a minute as a rate. */
export function rate(inMinute) {
  const number = inMinute ?? 0;
  if (number < 60) return `${number}/min`;
  const each = number / 60;
  return `${each < 10 ? each.toFixed(1) : Math.round(each)}/s`;
}

/** 1 letter, 2 letters. */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A moment in this browser's zone, with the day when it is not today. */
export function moment(when, { second = true } = {}) {
  const date = new Date(when);
  if (Number.isNaN(date.getTime())) return "–";
  const time = date.toLocaleTimeString("en-GB").slice(0, second ? 8 : 5);
  return date.toDateString() === new Date().toDateString()
    ? time : `${date.toLocaleDateString("sv-SE")} ${time}`;
}
