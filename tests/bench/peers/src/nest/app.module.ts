// What the application is made of.
import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Redis } from 'ioredis';
import pg from 'pg';
import { settings } from '../settings.js';
import { Store } from '../store.js';
import { DeploymentsController } from './deployments.controller.js';
import { HealthController } from './health.controller.js';
import { WebhooksController } from './webhooks.controller.js';
import { QUEUE, WebhooksService } from './webhooks.service.js';

@Module({
  imports: [
    BullModule.forRoot({ connection: new Redis(settings.redisUrl, { maxRetriesPerRequest: null }) }),
    BullModule.registerQueue({ name: QUEUE }),
    JwtModule.register({ secret: settings.jwtSecret }),
  ],
  controllers: [HealthController, DeploymentsController, WebhooksController],
  providers: [
    WebhooksService,
    { provide: Store, useFactory: () => new Store(new pg.Pool({ connectionString: settings.databaseUrl, max: settings.poolSize })) },
  ],
})
export class AppModule {}
