"""Risk models, active risk, tracking and attribution. Always per year unless a name says otherwise."""
