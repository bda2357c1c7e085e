namespace Deedle

module internal Placeholder =
    let none = ()
