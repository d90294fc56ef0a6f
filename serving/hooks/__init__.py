"""Web hooks of CRMs: kept as they came, acknowledged, then mapped into leads, interactions and outcomes."""
