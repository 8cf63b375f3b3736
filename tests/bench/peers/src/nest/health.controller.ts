// GET /healthz
import { Controller, Get } from '@nestjs/common';

@Controller('healthz')
export class HealthController {
  @Get()
  show(): { ok: boolean } {
    return { ok: true };
  }
}
