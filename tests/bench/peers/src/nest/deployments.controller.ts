// GET /projects/:id/deployments
import { Controller, Get, NotFoundException, Param, Req, UseGuards } from '@nestjs/common';
import { Store } from '../store.js';
import { AuthGuard, type AuthenticatedRequest } from './auth.guard.js';

@Controller('projects/:id/deployments')
@UseGuards(AuthGuard)
export class DeploymentsController {
  constructor(private readonly store: Store) {}

  @Get()
  async list(@Param('id') id: string, @Req() request: AuthenticatedRequest): Promise<Record<string, unknown>[]> {
    const role = await this.store.roleOf(id, request.user.sub);
    if (!role) throw new NotFoundException();
    return this.store.deployments(id, 50);
  }
}
