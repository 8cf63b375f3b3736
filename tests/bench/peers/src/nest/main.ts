// The service on NestJS with its standard platform, Express.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { settings } from '../settings.js';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule, { rawBody: true, logger: ['error', 'warn'] });
app.useBodyParser('json', { limit: settings.bodyLimit });
app.enableShutdownHooks();
await app.listen(settings.port, '127.0.0.1');
console.log(`ready on ${settings.port}`);
