namespace Plotly.NET

/// A colour as plotly.js takes it.
type Color private (value: string) =
    member internal _.Value = value

    /// "#rrggbb".
    static member fromHex(s: string) = Color s

    /// Any CSS colour.
    static member fromString(c: string) = Color c

module StyleParam =
    [<RequireQualifiedAccess>]
    type AxisType =
        | Linear
        | Log
        | Category

        override this.ToString() =
            match this with
            | Linear -> "linear"
            | Log -> "log"
            | Category -> "category"

    [<RequireQualifiedAccess>]
    type BarMode =
        | Stack
        | Group

        override this.ToString() =
            match this with
            | Stack -> "stack"
            | Group -> "group"

    [<RequireQualifiedAccess>]
    type DrawingStyle =
        | Solid
        | Dash
        | Dot

        override this.ToString() =
            match this with
            | Solid -> "solid"
            | Dash -> "dash"
            | Dot -> "dot"

    [<RequireQualifiedAccess>]
    type MarkerSymbol =
        | Circle
        | Square
        | Diamond
        | X

        override this.ToString() =
            match this with
            | Circle -> "0"
            | Square -> "1"
            | Diamond -> "2"
            | X -> "4"

    [<RequireQualifiedAccess>]
    type Orientation =
        | Horizontal
        | Vertical

        override this.ToString() =
            match this with
            | Horizontal -> "h"
            | Vertical -> "v"
