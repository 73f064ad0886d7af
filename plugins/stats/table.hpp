/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * Numbers out of CSV text (RFC 4180).
 */

#ifndef TABLE_HPP
#define TABLE_HPP

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace table {

constexpr size_t COLUMNS = 1000;  /* of a table */
constexpr size_t ROWS = 500'000; /* of a table, and numbers of a list */

/* The text is no table, or has not what is looked for; it says what, and where. */
class Unreadable : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Table {
public:
    /* Read a text: fields between delimiters, in quotes where they hold one, a
     * quote or a newline.  Rows without anything are left out.
     *
     * Throws:
     *     Unreadable: A quote is not closed, or a row has other columns than
     *         the first, or there are too many of one or the other. */
    Table(std::string_view text, char delimiter);

    /* Find a column by its name in the first row. */
    size_t find(const std::string &name) const;

    /* Find one by its number, from 1. */
    size_t find(size_t number) const;

    /* Take the numbers of some columns, row by row.
     *
     * Args:
     *     header: Whether the first row has names.
     *     skip: Whether rows are left out in which one of them is empty.
     *
     * Throws:
     *     Unreadable: A field is no finite number, or empty. */
    std::vector<std::vector<double>> take(const std::vector<size_t> &columns, bool header, bool skip) const;

private:
    std::vector<std::vector<std::string>> rows_;
    std::vector<size_t> lines_; /* where each row begins, from 1 */
};

} // namespace table

#endif
