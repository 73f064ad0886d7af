/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * A plugin for statistics: over lists of numbers, or columns of CSV text.
 */

#include "numbers.hpp"
#include "table.hpp"

#include <mcp.hpp>

using mcp::json;
using numbers::Values;

namespace {

constexpr size_t BINS = 1000; /* of a histogram */

/* What all three tools take besides their lists of numbers. */
json common()
{
    return json::parse(R"({
        "csv": {
            "type": "string", "minLength": 1,
            "description": "A table as CSV text, in the place of lists."
        },
        "delimiter": {
            "enum": [",", ";", "\t", "|"],
            "description": "Between the fields of the CSV text; a comma if not given."
        },
        "header": {"type": "boolean", "description": "Whether its first row has names; true if not given."},
        "skip_empty": {
            "type": "boolean",
            "description": "Leave rows out where a field is empty, instead of failing."
        }
    })");
}

json a_list(const std::string &what)
{
    return {{"type", "array"},
            {"items", {{"type", "number"}}},
            {"minItems", 1},
            {"maxItems", table::ROWS},
            {"description", what}};
}

json a_column(const std::string &what)
{
    return {{"type", {"string", "integer"}},
            {"minimum", 1},
            {"description", what + ": its name, or its number from 1."}};
}

std::string closed(const json &more)
{
    json properties = common();
    properties.update(more);
    return json{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}.dump();
}

/* Find a column of a table by an argument. */
size_t find(const table::Table &table, const json &arguments, const std::string &name)
{
    if (!arguments.contains(name)) {
        throw mcp::Failure("With csv, say the " + name + ".");
    }
    const json &column = arguments[name];
    if (column.is_number()) {
        return table.find(column.get<size_t>());
    }
    if (!arguments.value("header", true)) {
        throw mcp::Failure("Without a header there are no names; give the number of the column.");
    }
    return table.find(column.get<std::string>());
}

/* Take the numbers that the arguments have in lists, or in columns of a table. */
std::vector<Values> take(const json &arguments, const std::vector<std::string> &lists,
                         const std::vector<std::string> &columns)
{
    std::vector<Values> taken;
    bool has_csv = arguments.contains("csv");
    for (const std::string &name : lists) {
        if (arguments.contains(name) == has_csv) {
            throw mcp::Failure("Give either csv or " + name + ".");
        }
    }
    if (!has_csv) {
        for (const std::string &name : lists) {
            taken.push_back(arguments[name].get<Values>());
        }
        return taken;
    }
    table::Table table(arguments["csv"].get_ref<const std::string &>(), arguments.value("delimiter", ",")[0]);
    std::vector<size_t> places;
    for (const std::string &name : columns) {
        places.push_back(find(table, arguments, name));
    }
    taken = table.take(places, arguments.value("header", true), arguments.value("skip_empty", false));
    if (taken[0].empty()) {
        throw mcp::Failure("The column has no numbers.");
    }
    return taken;
}

/* A number, or null where there is none to tell.  JSON has no infinity. */
json told(std::optional<double> number)
{
    if (number && !std::isfinite(*number)) {
        throw mcp::Failure("A result is too large for a number of 64 bits; scale the values.");
    }
    return number ? json(*number) : json();
}

json describe(const json &arguments)
{
    Values values = take(arguments, {"values"}, {"column"})[0];
    size_t count = values.size();
    numbers::Description own = numbers::describe(std::move(values));
    return {{"count", count},
            {"mean", told(own.mean)},
            {"stdev", told(own.deviation)},
            {"min", own.min},
            {"q1", own.lower_quartile},
            {"median", own.median},
            {"q3", own.upper_quartile},
            {"max", own.max},
            {"skewness", told(own.skewness)}};
}

json regression(const json &arguments)
{
    std::vector<Values> both = take(arguments, {"x", "y"}, {"x_column", "y_column"});
    if (both[0].size() != both[1].size()) {
        throw mcp::Failure("There must be as many x as y.");
    }
    numbers::Line line = numbers::fit(both[0], both[1]);
    return {{"count", both[0].size()},
            {"slope", told(line.slope)},
            {"intercept", told(line.intercept)},
            {"r2", told(line.r2)},
            {"slope_error", told(line.slope_error)},
            {"intercept_error", told(line.intercept_error)}};
}

json histogram(const json &arguments)
{
    Values values = take(arguments, {"values"}, {"column"})[0];
    size_t count = values.size();
    numbers::Histogram own = numbers::count(std::move(values), arguments.value("bins", size_t{0}), BINS);
    json bins = json::array();
    for (size_t each = 0; each < own.counts.size(); each++) {
        bins.push_back({{"from", own.edges[each]}, {"to", own.edges[each + 1]}, {"count", own.counts[each]}});
    }
    return {{"count", count}, {"rule", own.rule}, {"bins", bins}};
}

/* Let a model read what is wrong with its numbers. */
std::function<json(const json &, mcp::Call &)> guarded(json (*tool)(const json &))
{
    return [tool](const json &arguments, mcp::Call &) {
        try {
            return tool(arguments);
        } catch (const table::Unreadable &error) {
            throw mcp::Failure(std::string(error.what()) + ".");
        } catch (const numbers::Unfit &error) {
            throw mcp::Failure(std::string(error.what()) + ".");
        }
    };
}

const char *const described = R"({
    "type": "object",
    "properties": {
        "count": {"type": "integer"}, "mean": {"type": "number"}, "stdev": {"type": ["number", "null"]},
        "min": {"type": "number"}, "q1": {"type": "number"}, "median": {"type": "number"},
        "q3": {"type": "number"}, "max": {"type": "number"}, "skewness": {"type": ["number", "null"]}
    },
    "required": ["count", "mean", "stdev", "min", "q1", "median", "q3", "max", "skewness"]
})";

const char *const fitted = R"({
    "type": "object",
    "properties": {
        "count": {"type": "integer"}, "slope": {"type": "number"}, "intercept": {"type": "number"},
        "r2": {"type": ["number", "null"]}, "slope_error": {"type": ["number", "null"]},
        "intercept_error": {"type": ["number", "null"]}
    },
    "required": ["count", "slope", "intercept", "r2", "slope_error", "intercept_error"]
})";

const char *const counted = R"({
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "rule": {"enum": ["given", "freedman-diaconis", "sturges"]},
        "bins": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "from": {"type": "number"}, "to": {"type": "number"}, "count": {"type": "integer"}
            },
            "required": ["from", "to", "count"]
        }}
    },
    "required": ["count", "rule", "bins"]
})";

} // namespace

int main()
{
    const json values = {{"values", a_list("The numbers.")},
                         {"column", a_column("The column of the CSV text")}};
    const json both = {{"x", a_list("The numbers that explain.")},
                       {"y", a_list("The numbers that are explained, as many.")},
                       {"x_column", a_column("The column of the CSV text with x")},
                       {"y_column", a_column("The column of the CSV text with y")}};
    json binned = values;
    binned["bins"] = {{"type", "integer"}, {"minimum", 1}, {"maximum", BINS},
                      {"description", "How many bins; chosen by Freedman and Diaconis if not given."}};
    return mcp::serve(
        {"stats",
         "1.0.0",
         "Statistics over lists of numbers, or columns of CSV text.",
         {
             {"describe",
              "Count, mean, standard deviation and skewness (of a sample), minimum, quartiles and maximum. "
              "What there are too few numbers for is null.",
              closed(values), described, true, guarded(describe)},
             {"regression",
              "Fit y = intercept + slope x by least squares, with r2 and the standard errors. What there are "
              "too few points for, and the r2 of a y that never changes, is null.",
              closed(both), fitted, true, guarded(regression)},
             {"histogram",
              "Count numbers in bins of the same width. A number at an edge belongs to the bin above it, the "
              "greatest one to the last.",
              closed(binned), counted, true, guarded(histogram)},
         }});
}
