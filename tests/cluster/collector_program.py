"""An OTLP collector for inside the cluster, run by the gateway's image: keeps spans as lines of JSON in /tmp/spans."""

import json
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

SPANS = pathlib.Path("/tmp/spans")


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes what arrives."""

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
        with SPANS.open("a") as spans:
            for resource_spans in request.resource_spans:
                resource = {item.key: item.value.string_value for item in resource_spans.resource.attributes}
                for span in (span for scope in resource_spans.scope_spans for span in scope.spans):
                    line = {
                        "service": resource["service.name"],
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "rank": next((item.value.int_value for item in span.attributes if item.key == "rank"), None),
                    }
                    spans.write(json.dumps(line) + "\n")
        return pb.ExportTraceServiceResponse()


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), server)
    server.add_insecure_port("0.0.0.0:4317")
    server.start()
    server.wait_for_termination()
