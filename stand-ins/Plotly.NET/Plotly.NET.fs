namespace Plotly.NET

module internal Placeholder =
    let none = ()
