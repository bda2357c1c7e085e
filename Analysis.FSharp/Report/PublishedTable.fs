namespace Reproduction.Analysis

/// One cell of a published table as it is shown again.
type TableCell = {
    Published: PublishedNumber option
    /// Present where the number belongs to the paper's own method.
    Compared: Compared option
}

/// A published table of one metric: a row per category where it has several, otherwise a row per level or working point.
type PublishedTable = {
    Paper: string
    Table: string
    Metric: string
    /// Name of the first column.
    RowTitle: string
    Columns: string list
    Rows: (string * TableCell list) list
} with

    member this.HasMeasured =
        this.Rows
        |> List.exists (fun (_, cells) -> cells |> List.exists (fun cell -> cell.Compared |> Option.exists _.Measured.IsSome))

module PublishedTable =
    let private methodName (number: PublishedNumber) =
        if number.Variant = "" then number.Method
        elif number.Method = number.Paper then number.Variant
        else $"{number.Method} {number.Variant}"

    /// "V/P/Q" as V and "P Q"; the sum over all parts has no P.
    let private split (name: string) =
        match name.Split '/' |> List.ofArray with
        | [ whole ] -> whole, "sum"
        | variant :: parts -> variant, (String.concat " " parts).Replace('_', ' ')
        | [] -> name, ""

    /// Every published table with the numbers that runs can measure, laid out as a reader of the paper knows it.
    let ofData (data: ReportData) : PublishedTable list =
        let compared = data.Compared |> List.map (fun number -> number.Published, number) |> dict

        let cell (number: PublishedNumber option) = {
            Published = number
            Compared =
                number
                |> Option.bind (fun number ->
                    match compared.TryGetValue number with
                    | true, found -> Some found
                    | _ -> None)
        }

        [
            for (paper, table, metric), numbers in
                data.Published
                |> List.filter (fun number -> List.contains number.Metric Published.measurable && number.Table <> "text")
                |> List.groupBy (fun number -> number.Paper, number.Table, number.Metric) do
                let categories = numbers |> List.map _.Category |> List.distinct
                let hasParts = numbers |> List.exists (fun number -> number.Variant.Contains '/')

                let rowTitle, rowOf, columnOf =
                    if categories.Length > 1 then "category", _.Category, methodName
                    elif hasParts then "part", (methodName >> split >> snd), (methodName >> split >> fst)
                    else "method", methodName, _.Category

                let columns = numbers |> List.map columnOf |> List.distinct

                let rows = [
                    for row in numbers |> List.map rowOf |> List.distinct ->
                        row,
                        [
                            for column in columns ->
                                numbers |> List.tryFind (fun number -> rowOf number = row && columnOf number = column) |> cell
                        ]
                ]

                { Paper = paper; Table = table; Metric = metric; RowTitle = rowTitle; Columns = columns; Rows = rows }
        ]
