namespace Expecto

module internal Placeholder =
    let none = ()
