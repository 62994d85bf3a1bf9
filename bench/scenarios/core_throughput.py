"""GetUser `me` through the whole chain of the core, beside a bare grpc.aio server."""

from bench.beside_echo import Question, compare
from bench.figures import Figure, at_least
from bench.installation import GET_USER, Installation, bearer
from bench.rounds import Effort
from limen.users.v1 import users_pb2


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """Calls a second, of both."""
    question = Question(
        rpc=GET_USER,
        headers=dict(bearer(limen.token)),
        request=users_pb2.GetUserRequest(user_id="me").SerializeToString(),
        answer=limen.me,
    )
    return [
        await compare(
            limen,
            effort,
            question,
            what="GetUser `me` through the whole chain, one core process",
            target=at_least(0.6),
            aim=at_least(0.8),
        )
    ]
