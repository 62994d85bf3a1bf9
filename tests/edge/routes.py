"""Routes as the transcoder leaves them with a request."""

from edge.transcoding.route import Route


def route_of(body="*", *, rpc="limen.users.v1.UserService.UpdateUser"):
    """The route of UpdateUser, or of another RPC, with a body of one's own choice."""
    return Route(
        method="PATCH",
        template="/v1/users/{user.user_id}",
        rpc=rpc,
        request="limen.users.v1.UpdateUserRequest",
        response="limen.users.v1.UpdateUserResponse",
        variables=("user.user_id",),
        body=body,
        response_body="user",
        server_streaming=False,
    )
