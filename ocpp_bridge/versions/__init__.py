"""The OCPP versions: Actions to facts, outcomes to answers, commands to CALLs."""
