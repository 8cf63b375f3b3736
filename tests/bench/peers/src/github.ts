// What the services read of GitHub's webhooks, and how they check who sent them.
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface PullRequestEvent {
  action: string;
  number: number;
  pull_request: {
    title: string;
    html_url: string;
    updated_at: string;
    head: { ref: string; sha: string };
  };
  repository: { full_name: string };
}

export function signatureFits(secret: string, body: Buffer, header: string | undefined): boolean {
  if (!header) return false;
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(header);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
