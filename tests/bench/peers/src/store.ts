// The queries of both services, on node-postgres as its documentation shows it.
import { Pool } from 'pg';
import type { PullRequestEvent } from './github.js';

export interface Stored {
  duplicate: boolean;
  previewIds: string[];
}

export class Store {
  constructor(private readonly pool: Pool) {}

  // The event and the previews it changes, in one transaction.
  async savePullRequest(deliveryId: string, event: PullRequestEvent, raw: string): Promise<Stored> {
    const pr = event.pull_request;
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const inserted = await client.query(
        `INSERT INTO peer.webhook_events (id, event, action, payload) VALUES ($1, 'pull_request', $2, $3)
         ON CONFLICT (id) DO NOTHING RETURNING id`,
        [deliveryId, event.action, raw],
      );
      if (inserted.rowCount === 0) {
        await client.query('ROLLBACK');
        return { duplicate: true, previewIds: [] };
      }
      const previews = await client.query<{ id: string }>(
        `INSERT INTO peer.previews AS p (project_id, pr_number, title, branch, sha, status, html_url, pr_updated_at)
         SELECT id, $2, $3, $4, $5, 'QUEUED', $6, $7 FROM peer.projects WHERE lower(repo_full_name) = lower($1)
         ON CONFLICT (project_id, pr_number) DO UPDATE SET title = excluded.title, branch = excluded.branch,
           sha = excluded.sha, status = 'QUEUED', pr_updated_at = excluded.pr_updated_at
         WHERE p.pr_updated_at <= excluded.pr_updated_at
         RETURNING id`,
        [event.repository.full_name, event.number, pr.title, pr.head.ref, pr.head.sha, pr.html_url, pr.updated_at],
      );
      await client.query('COMMIT');
      return { duplicate: false, previewIds: previews.rows.map((row) => row.id) };
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }

  async roleOf(projectId: string, userId: string): Promise<string | undefined> {
    const { rows } = await this.pool.query<{ role: string }>(
      `SELECT m.role FROM peer.projects p JOIN peer.members m ON m.org_id = p.org_id AND m.user_id = $2 WHERE p.id = $1`,
      [projectId, userId],
    );
    return rows[0]?.role;
  }

  async deployments(projectId: string, limit: number): Promise<Record<string, unknown>[]> {
    const { rows } = await this.pool.query(
      `SELECT id, pr_number AS "prNumber", title, branch, sha, provider, status, detail, url,
         error_reason AS "errorReason", message, attempts, html_url AS "htmlUrl", created_at AS "createdAt",
         ready_at AS "readyAt", destroyed_at AS "destroyedAt"
       FROM peer.previews WHERE project_id = $1 ORDER BY created_at DESC LIMIT $2`,
      [projectId, limit],
    );
    return rows;
  }
}
