import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.candidates import default_stacks
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.mitigation.zne import ZNEPlan


@pytest.mark.parametrize("n_bits", [0, 3, 9])
def test_names_read_back_as_the_stacks_they_name(n_bits):
    names = {}
    for stack in default_stacks(n_bits):
        assert parse_stack(stack.name) == stack
        names[stack.name] = stack
    assert len(names) == len(default_stacks(n_bits))


def test_orders_samples_spaces_and_case_are_read():
    poly = Stack(ZNEPlan((1, 3, 5, 7), "poly", order=2))
    assert poly.name == "poly2(1,3,5,7)"
    assert parse_stack(poly.name) == poly
    assert parse_stack(" Terminal+LINEAR (1, 3) ") == Stack(ZNEPlan((1, 3), "linear"), "none", True)
    assert parse_stack("terminal + linear(3,1)") == parse_stack("linear(1,3) + terminal")
    assert parse_stack("relabel (sampled 64)") == Stack(None, "invert", False, "sampled", 64)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "should be a stack such as"),
        ("zne", "should be a stack such as"),
        ("none + terminal", "should be a stack such as"),
        ("terminal + terminal", "each method once"),
        ("linear(1,3) + richardson(1,3,5)", "each method once"),
        ("linear(1)", "2 scale factors or more"),
        ("linear(1,,3)", "should be numbers"),
        ("linear(1,2)", "over odd scale factors"),
        ("poly3(1,3)", "4 scale factors or more"),
        ("twirl 0 + terminal", "over one circuit or more. Got 'twirl 0 \\+ terminal'"),
        ("joint", "come with an extrapolation"),
        ("relabel (sampled 2) + linear(1,3)", None),
    ],
)
def test_names_of_no_legal_stack_are_refused(text, words):
    if words is None:  # how many samples are enough depends on the bits, and is said with them
        assert parse_stack(text).n_samples == 2
        return
    with pytest.raises(UsageError, match=words):
        parse_stack(text)
