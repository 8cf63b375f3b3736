// POST /webhooks/github
import { Controller, Headers, HttpStatus, Post, type RawBodyRequest, Req, Res, UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';
import { signatureFits, type PullRequestEvent } from '../github.js';
import { settings } from '../settings.js';
import { WebhooksService } from './webhooks.service.js';

@Controller('webhooks/github')
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Post()
  async receive(
    @Req() request: RawBodyRequest<Request>,
    @Res({ passthrough: true }) response: Response,
    @Headers('x-github-delivery') delivery: string | undefined,
    @Headers('x-github-event') event: string | undefined,
    @Headers('x-hub-signature-256') signature: string | undefined,
  ): Promise<Record<string, unknown>> {
    const raw = request.rawBody;
    if (!raw || !signatureFits(settings.webhookSecret, raw, signature)) throw new UnauthorizedException();
    response.status(HttpStatus.ACCEPTED);
    if (!delivery || event !== 'pull_request') return { success: true, message: 'ignored' };
    const stored = await this.webhooks.accept(delivery, request.body as PullRequestEvent, raw.toString('utf8'));
    if (stored.duplicate) {
      response.status(HttpStatus.OK);
      return { success: true, duplicate: true, deliveryId: delivery };
    }
    return { success: true, message: 'accepted', deliveryId: delivery };
  }
}
