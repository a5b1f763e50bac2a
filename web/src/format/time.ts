/** 0.4 s, 42 s, 3 m 20 s, 5 h 12 m, 3 d 4 h. */
export function duration(ms: number): string {
  if (ms > 0 && ms < 9950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** "just now", "5 min", "3 h", "12 d". */
export function age(since: number, now: number): string {
  const seconds = Math.max(0, (now - since) / 1000);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h`;
  if (seconds < 86_400 * 60) return `${Math.round(seconds / 86_400)} d`;
  return new Date(since).toISOString().slice(0, 10);
}

/** As age, within a sentence: "just now", "5 min ago", "on 2026-01-31". */
export function ago(since: number, now: number): string {
  const text = age(since, now);
  if (text === "just now") return text;
  return /^\d{4}-/.test(text) ? `on ${text}` : `${text} ago`;
}

export function clock(ms: number): string {
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
