namespace Reproduction.Analysis

module internal Placeholder =
    let none = ()
