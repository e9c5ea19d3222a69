"""moto's grammar of the Amazon States Language."""

from __future__ import annotations


def syntax_errors(definition: str) -> list[str]:
    """Return what in a definition, which is JSON, is not Amazon States Language; empty if nothing."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

    try:
        AmazonStateLanguageParser.parse(definition)
    except ASLParserException as error:
        return list(error.errors)
    except (ValueError, TypeError) as error:  # what moto's components refuse after the grammar
        return [str(error)]
    return []
