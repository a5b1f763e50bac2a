// Requests that went out while the page's code was still on its way: each answer is taken once.

const waiting = new Map<string, Promise<Response>>();

export function ask(path: string): void {
  const answer = fetch(`api/v1/${path}`);
  answer.catch(() => undefined); // whoever takes it sees the error
  waiting.set(path, answer);
}

export function taken(path: string): Promise<Response> | undefined {
  const answer = waiting.get(path);
  waiting.delete(path);
  return answer;
}
