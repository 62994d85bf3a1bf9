"""AuditService of the contract: message in, service, message out."""

from collections.abc import AsyncIterator
from uuid import UUID

from limen.audit.v1 import audit_pb2, audit_pb2_grpc
from server.audit import wire
from server.audit.service import AuditService, ForeignEvent
from server.caller import current
from server.interceptors.call import Context


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Answers the RPCs of the log."""

    def __init__(self, *, audit: AuditService) -> None:
        self._audit = audit

    async def ListEvents(
        self, request: audit_pb2.ListEventsRequest, context: Context
    ) -> audit_pb2.ListEventsResponse:
        entries, token = await self._audit.page(
            filter_text=request.filter, page_size=request.page_size, token=request.page_token
        )
        return audit_pb2.ListEventsResponse(
            events=[wire.event(entry) for entry in entries], next_page_token=token
        )

    async def GetEvent(
        self, request: audit_pb2.GetEventRequest, context: Context
    ) -> audit_pb2.GetEventResponse:
        entry = await self._audit.get(UUID(request.event_id))
        return audit_pb2.GetEventResponse(event=wire.event(entry))

    async def RecordEvent(
        self, request: audit_pb2.RecordEventRequest, context: Context
    ) -> audit_pb2.RecordEventResponse:
        subject = request.subject if request.HasField("subject") else None
        event = ForeignEvent(
            action=request.action,
            outcome=wire.outcome(request.outcome),
            subject=wire.subject(subject),
            details=dict(request.details),
            key=request.event_key,
        )
        entry = await self._audit.record(current(), event)
        return audit_pb2.RecordEventResponse(event=wire.event(entry))

    async def WatchEvents(
        self, request: audit_pb2.WatchEventsRequest, context: Context
    ) -> AsyncIterator[audit_pb2.WatchEventsResponse]:
        first = request.first_index if request.HasField("first_index") else None
        async for entry in self._audit.watch(first):
            yield audit_pb2.WatchEventsResponse(event=wire.event(entry))
