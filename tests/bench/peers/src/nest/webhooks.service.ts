// What a webhook leads to: stored rows and a job.
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { PullRequestEvent } from '../github.js';
import { Store } from '../store.js';

export const QUEUE = 'nest-previews';

@Injectable()
export class WebhooksService {
  constructor(private readonly store: Store, @InjectQueue(QUEUE) private readonly queue: Queue) {}

  async accept(delivery: string, event: PullRequestEvent, raw: string): Promise<{ duplicate: boolean }> {
    const stored = await this.store.savePullRequest(delivery, event, raw);
    for (const previewId of stored.previewIds) {
      await this.queue.add('reconcile', { previewId }, { jobId: `${previewId}-${delivery}` });
    }
    return stored;
  }
}
