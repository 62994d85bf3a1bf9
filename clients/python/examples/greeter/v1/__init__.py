"""The contract of the greeter, `greeter.proto`, and what protoc makes of it.

    python -m grpc_tools.protoc --proto_path=. --python_out=. --mypy_out=. --grpc_python_out=. \
        --mypy_grpc_out=only_async:. examples/greeter/v1/greeter.proto
"""
