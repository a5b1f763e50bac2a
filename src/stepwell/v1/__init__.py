"""Protobuf code of the wire, generated from proto/ by the build."""
