"""Pages and forms: one blueprint a resource. Views are thin: each reads through `live` or calls one verb."""
