/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * Statistics of finite numbers.
 *
 * Numbers are scaled by a power of two, so that neither 1e300 nor 1e-300 is
 * lost in a square, and moments are taken around the mean, so that a large
 * mean costs no digits of a small deviation.
 */

#ifndef NUMBERS_HPP
#define NUMBERS_HPP

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace numbers {

using Values = std::vector<double>;

/* What cannot be computed from these numbers; the text says why. */
class Unfit : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/* What there is too little for, or what is undefined, is absent. */
struct Description {
    double mean, min, lower_quartile, median, upper_quartile, max;
    std::optional<double> deviation; /* of a sample, by n - 1; wants two numbers */
    std::optional<double> skewness;  /* of a sample, G1; wants three, not all equal */
};

struct Line {
    double slope, intercept;
    std::optional<double> r2;                               /* absent where all y are equal */
    std::optional<double> slope_error, intercept_error; /* standard errors; want three points */
};

struct Histogram {
    std::string rule;           /* given, freedman-diaconis or sturges */
    Values edges;               /* one more than counts, ascending */
    std::vector<size_t> counts; /* a number at an edge belongs to the bin above, the greatest to the last */
};

/* Describe at least one number. */
Description describe(Values values);

/* Fit y = intercept + slope x by least squares; both have the same length.
 *
 * Throws:
 *     Unfit: There are less than two points, or all x are equal. */
Line fit(const Values &x, const Values &y);

/* Count at least one number in bins of the same width.
 *
 * Args:
 *     bins: How many; 0: by Freedman and Diaconis, or where half of the numbers
 *         are equal, by Sturges; then no more than `most`.
 *
 * Throws:
 *     Unfit: All are equal, or too close for so many bins. */
Histogram count(Values values, size_t bins, size_t most);

} // namespace numbers

#endif
