/* Copyright (c) mcpd contributors.  See LICENSE for details. */

#include "numbers.hpp"

#include <algorithm>
#include <cmath>

namespace numbers {

namespace {

/* A sum that does not lose small terms to large ones (Neumaier 1974). */
class Sum {
public:
    void add(double term)
    {
        double whole = sum_ + term;
        lost_ += std::abs(sum_) >= std::abs(term) ? (sum_ - whole) + term : (term - whole) + sum_;
        sum_ = whole;
    }
    double value() const { return sum_ + lost_; }

private:
    double sum_ = 0, lost_ = 0;
};

/* Numbers around their mean, divided by 2^exponent: all are between -2 and 2. */
struct Centred {
    Values values;
    double mean;  /* divided as well */
    double square; /* the sum of the squares */
    int exponent;
};

double mean_of(const Values &values)
{
    Sum sum;
    for (double value : values) {
        sum.add(value);
    }
    return sum.value() / static_cast<double>(values.size());
}

double sum_of_products(const Values &one, const Values &other)
{
    Sum sum;
    for (size_t each = 0; each < one.size(); each++) {
        sum.add(one[each] * other[each]);
    }
    return sum.value();
}

void scale(Values &values, int exponent)
{
    for (double &value : values) {
        value = std::ldexp(value, exponent);
    }
}

/* The exponent of the greatest: divided by 2 to that, none is above 1. */
int exponent_of(const Values &values)
{
    int exponent = 0;
    double greatest = 0;
    for (double value : values) {
        greatest = std::max(greatest, std::abs(value));
    }
    std::frexp(greatest, &exponent);
    return exponent;
}

void shift(Values &values, double by)
{
    for (double &value : values) {
        value -= by;
    }
}

Centred centre(Values values)
{
    int exponent = exponent_of(values);
    scale(values, -exponent);
    double mean = mean_of(values);
    shift(values, mean);
    /* The mean is rounded, and what is left of it matters beside small
     * deviations: they have a mean of their own. */
    shift(values, mean_of(values));
    /* And a scale of their own. */
    int own = exponent_of(values);
    scale(values, -own);
    double square = sum_of_products(values, values);
    return {std::move(values), std::ldexp(mean, -own), square, exponent + own};
}

bool all_equal(const Values &values)
{
    return std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
}

/* Quantiles of sorted numbers as R's type 7: between two neighbours. */
double quantile(const Values &sorted, double part)
{
    double place = part * static_cast<double>(sorted.size() - 1);
    size_t below = static_cast<size_t>(place);
    size_t above = std::min(below + 1, sorted.size() - 1);
    double share = place - static_cast<double>(below);
    /* Equal neighbours are their own middle, to the last digit. */
    bool equal = sorted[below] == sorted[above];
    return equal ? sorted[below] : sorted[below] * (1 - share) + sorted[above] * share;
}

double skewness_of(const Centred &all)
{
    double n = static_cast<double>(all.values.size()), deviation = std::sqrt(all.square / n);
    Sum cubes;
    for (double value : all.values) {
        double relative = value / deviation;
        cubes.add(relative * relative * relative);
    }
    return cubes.value() / n * std::sqrt(n * (n - 1)) / (n - 2);
}

/* Counts by Freedman and Diaconis (1981): bins of 2 IQR / n^(1/3); or by Sturges (1926). */
size_t choose(const Values &sorted, size_t most, std::string &rule)
{
    double n = static_cast<double>(sorted.size());
    double spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    double bins = std::ceil((sorted.back() - sorted.front()) / (2 * spread) * std::cbrt(n));
    rule = "freedman-diaconis";
    if (!std::isfinite(bins)) {
        rule = "sturges";
        bins = std::ceil(std::log2(n)) + 1;
    }
    return static_cast<size_t>(std::clamp(bins, 1.0, static_cast<double>(most)));
}

Values edges_of(double low, double high, size_t bins)
{
    Values edges;
    for (size_t each = 0; each <= bins; each++) {
        double share = static_cast<double>(each) / static_cast<double>(bins);
        edges.push_back(low * (1 - share) + high * share);
    }
    edges.front() = low;
    edges.back() = high;
    return edges;
}

} // namespace

Description describe(Values values)
{
    std::sort(values.begin(), values.end());
    Description told = {0,
                        values.front(),
                        quantile(values, 0.25),
                        quantile(values, 0.5),
                        quantile(values, 0.75),
                        values.back(),
                        std::nullopt,
                        std::nullopt};
    double n = static_cast<double>(values.size());
    if (all_equal(values)) {
        told.mean = values[0];
        told.deviation = n > 1 ? std::optional(0.0) : std::nullopt;
        return told;
    }
    Centred all = centre(std::move(values));
    told.mean = std::ldexp(all.mean, all.exponent);
    told.deviation = std::ldexp(std::sqrt(all.square / (n - 1)), all.exponent);
    if (n > 2) {
        told.skewness = skewness_of(all);
    }
    return told;
}

Line fit(const Values &x, const Values &y)
{
    if (x.size() < 2) {
        throw Unfit("A line wants at least two points");
    }
    if (all_equal(x)) {
        throw Unfit("All x are equal, so that no slope can be told");
    }
    Centred a = centre(x), b = centre(y);
    double n = static_cast<double>(x.size()), slope = sum_of_products(a.values, b.values) / a.square;
    /* The residuals themselves, and not a difference of large sums. */
    Values rest = b.values;
    for (size_t each = 0; each < rest.size(); each++) {
        rest[each] -= slope * a.values[each];
    }
    double left = sum_of_products(rest, rest);
    int exponent = b.exponent - a.exponent;
    Line line = {std::ldexp(slope, exponent), std::ldexp(b.mean - slope * a.mean, b.exponent), std::nullopt,
                 std::nullopt, std::nullopt};
    if (all_equal(y)) {
        line.intercept = y[0];
    } else {
        line.r2 = std::clamp(1 - left / b.square, 0.0, 1.0);
    }
    if (x.size() > 2) {
        double error = std::sqrt(left / (n - 2));
        line.slope_error = std::ldexp(error / std::sqrt(a.square), exponent);
        line.intercept_error = std::ldexp(error * std::sqrt(1 / n + a.mean * a.mean / a.square), b.exponent);
    }
    return line;
}

Histogram count(Values values, size_t bins, size_t most)
{
    std::sort(values.begin(), values.end());
    if (values.front() == values.back()) {
        throw Unfit("All numbers are equal, so that there is nothing to put into bins");
    }
    Histogram told = {"given", {}, {}};
    /* Halved: the difference of the greatest and the least may be beyond any number. */
    scale(values, -1);
    size_t chosen = bins ? bins : choose(values, most, told.rule);
    scale(values, 1);
    told.edges = edges_of(values.front(), values.back(), chosen);
    auto end = told.edges.end();
    if (std::adjacent_find(told.edges.begin(), end, std::greater_equal<>()) != end) {
        throw Unfit("The numbers are too close to each other for so many bins");
    }
    told.counts.assign(chosen, 0);
    for (double value : values) {
        auto above = std::upper_bound(told.edges.begin(), told.edges.end() - 1, value);
        told.counts[static_cast<size_t>(above - told.edges.begin()) - 1]++;
    }
    return told;
}

} // namespace numbers
