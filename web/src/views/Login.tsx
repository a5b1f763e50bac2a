import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { signIn } from "../api/client";

export function Login() {
  const queries = useQueryClient();
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    try {
      await signIn(token.trim());
      await queries.invalidateQueries();
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
  };
  return (
    <main className="login">
      <form onSubmit={(event) => void submit(event)} className="card">
        <svg viewBox="0 0 32 32" width="44" height="44" aria-hidden="true" className="brand">
          <rect width="32" height="32" rx="7" className="tile" />
          <path d="M6 8h5v5h5v5h5v5h5" className="steps" />
        </svg>
        <h1>Sign in to stepwell</h1>
        <p>
          On the machine where the service runs, <code>stepwell ui</code> opens this page signed in.
          Elsewhere, paste the service's token: it is in the file <code>token</code> of its{" "}
          <code>STEPWELL_HOME</code>.
        </p>
        <label>
          Token
          <input
            type="password"
            autoComplete="current-password"
            value={token}
            onChange={(event) => setToken(event.target.value)}
            required
          />
        </label>
        {error && (
          <p className="bad" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
