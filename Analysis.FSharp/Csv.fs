/// Comma-separated files with a header line, as this repository writes them.
module Reproduction.Analysis.Csv

open System.IO
open System.Text

/// The fields of one line; a field in double quotes may hold commas and doubled quotes.
let fields (line: string) =
    let field = StringBuilder()

    let rec read i quoted found =
        if i >= line.Length then
            List.rev (field.ToString() :: found)
        elif quoted && line[i] = '"' && i + 1 < line.Length && line[i + 1] = '"' then
            field.Append '"' |> ignore
            read (i + 2) true found
        elif line[i] = '"' then
            read (i + 1) (not quoted) found
        elif line[i] = ',' && not quoted then
            let text = field.ToString()
            field.Clear() |> ignore
            read (i + 1) false (text :: found)
        else
            field.Append line[i] |> ignore
            read (i + 1) quoted found

    read 0 false []

/// A text as one field.
let quote (text: string) = if text.IndexOfAny [| ','; '"'; '\n' |] < 0 then text else "\"" + text.Replace("\"", "\"\"") + "\""

/// The rows of a text, each a lookup by column name.
/// Raises AnalysisError, which names the file, when a column is missing or a row has another number of fields than the header.
let parse (columns: string list) path (lines: string list) : (string -> string) list =
    let header = String.concat "," columns

    match lines with
    | [] -> raise (AnalysisError $"{path} is empty; its header is {header}")
    | first :: lines ->
        let names = fields first

        for column in columns do
            if not (List.contains column names) then
                raise (AnalysisError $"{path} has no column '{column}'; its header is {header}")

        [
            for number, line in List.indexed lines do
                if line <> "" then
                    let values = fields line

                    if values.Length <> names.Length then
                        raise (AnalysisError $"{path}:{number + 2} has {values.Length} fields where the header has {names.Length}")

                    let lookup = List.zip names values |> readOnlyDict
                    fun column -> lookup[column]
        ]

/// The rows of a file, as parse gives them.
let read columns path = File.ReadAllLines path |> List.ofArray |> parse columns path
